"""The welcome: what a person who opens the stand-in's address is told."""

import inspect

from daemon.sandbox.faults import FAULTS
from daemon.sandbox.resources import RESOURCES

_TEXT = """This is a sandbox Maximizer. What you can do with it:

  curl '{url}/_sandbox/records/contacts?search=smith'
  curl -X PATCH {url}/_sandbox/records/contacts/3 -d '{{"LastName": "Smith"}}'
  curl -X POST {url}/_sandbox/records/companies -d '{{"CompanyName": "Willow Tools"}}'
  curl -X DELETE {url}/_sandbox/records/opportunities/7
  curl -X POST {url}/_sandbox/edits -d '{{"count": 20, "seed": 1}}'
  curl -X POST {url}/_sandbox/import -d '{{"resource": "contacts", "count": 500}}'
  curl '{url}/_sandbox/history?resource=contacts&fields=LastName'
  curl '{url}/_sandbox/requests?after=0'
  curl -X POST {url}/_sandbox/clock -d '{{"advance_seconds": 600}}'
  curl -X PATCH {url}/_sandbox/faults -d '{{"status": {{"status": 503, "times": 3}}}}'
  curl -X PUT {url}/_sandbox/faults -d '{{}}'

Resources: {resources}

Switches (each also takes times, skip, probability, seed, object and call):

{switches}

GET /_sandbox/faults shows all that can be set beside them.
"""


def welcome_text(url: str) -> str:
    """Examples to copy, the resources, and each fault with its sentence."""
    switches = "\n".join(
        f"  {name:18} {inspect.cleandoc(kind.__doc__ or '').splitlines()[0]}"
        for name, kind in FAULTS.items()
    )
    return _TEXT.format(url=url, resources=", ".join(RESOURCES), switches=switches)
