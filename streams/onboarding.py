"""The New Lead Onboarding workflow."""

from actions.assign_owner import assign_owner
from actions.create_or_update_contact import create_or_update_contact
from actions.find_duplicates import find_duplicates
from actions.notify_owner import notify_owner
from actions.send_welcome_email import send_welcome_email
from actions.suppress_contact import suppress_contact
from actions.validate_lead import validate_lead
from streams.workflow import Workflow, when
from topics.events import (
    ContactSuppressed,
    ContactUpserted,
    LeadAssigned,
    LeadMatched,
    LeadReceived,
    LeadRejected,
    LeadValidated,
    LeadWelcomed,
    OwnerNotified,
    SuppressionRecorded,
)

ONBOARDING = Workflow(
    "new-lead-onboarding",
    when(LeadReceived).do(validate_lead).then(LeadValidated, LeadRejected),
    when(LeadValidated).do(find_duplicates).then(LeadMatched),
    when(LeadMatched).do(create_or_update_contact).then(ContactUpserted),
    when(ContactUpserted).do(assign_owner).then(LeadAssigned),
    when(LeadAssigned).do(send_welcome_email).then(LeadWelcomed),
    when(LeadAssigned).do(notify_owner).then(OwnerNotified),
    when(ContactSuppressed).do(suppress_contact).then(SuppressionRecorded),
)
