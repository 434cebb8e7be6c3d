/** Create and find elements. Text is always set as text, never as HTML. */

/**
 * Return the element with an id.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function find(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`no ${type.name} #${id}`);
  return found;
}

/**
 * Return a new element with attributes and children. A null attribute is left out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, string | null>} attributes
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, text] of Object.entries(attributes)) if (text !== null) made.setAttribute(key, text);
  made.append(...children);
  return made;
}

/** Select an option, which is added if it is missing. @param {HTMLSelectElement} select @param {string} value */
export function selectOption(select, value) {
  if (![...select.options].some((option) => option.value === value)) select.add(new Option(value, value));
  select.value = value;
}

/**
 * Show an error in plain words until the next action, or clear it.
 * @param {string?} message
 */
export function showAlert(message) {
  const alerts = find("alerts", HTMLElement);
  alerts.replaceChildren(...(message ? [element("p", { role: "alert" }, message)] : []));
}

/**
 * Save text as a file.
 * @param {string} filename
 * @param {string} type
 * @param {string} text
 */
export function saveFile(filename, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: url, download: filename }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
