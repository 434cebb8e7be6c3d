"""The contract as documents for programs and people: OpenAPI and AsyncAPI from the models that the functions use."""
