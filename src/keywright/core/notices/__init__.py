"""What stopped being true, told to every process: revocations, and changed accounts."""

from keywright.core.notices.models import Notice, Subject
from keywright.core.notices.notices import Notices

__all__ = ["Notice", "Notices", "Subject"]
