"""What a service that callers reach lets them do."""

from shared.auth.authenticator import guard
from shared.http.service import Service
from shared.settings import Settings


def expose(service: Service, settings: Settings) -> None:
    """Whose pages may ask it, who may, how often, and whether details of its health are seen: as `settings` say."""
    service.detailed(shown=settings.HEALTH_DETAILS).open_to(settings.cors).guarded(guard(settings))
