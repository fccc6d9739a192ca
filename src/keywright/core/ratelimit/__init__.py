"""How often something may be tried: by network address, and by account or e-mail address."""

from keywright.core.ratelimit.limits import Limits
from keywright.core.ratelimit.models import Limit, Standing

__all__ = ["Limit", "Limits", "Standing"]
