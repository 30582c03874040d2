"""What a person reads when NeuroRoute is up: where it is, how to sign in, and two snippets ready to paste."""

from pathlib import Path
from typing import Final

from neuroroute.firstrun import Access

GREETING: Final = """
NeuroRoute is ready: {url}
{begin}
  dashboard   {url}/dashboard/
  admin       {url}/admin/      user {user}   password {password}
  API         {url}/api/docs
  client key  {key}
  {where}

  curl {url}/v1/chat/completions \\
    -H "Authorization: Bearer {key}" -H "Content-Type: application/json" \\
    -d '{{"model": "auto", "messages": [{{"role": "user", "content": "What is the capital of France?"}}]}}'

  from openai import OpenAI
  client = OpenAI(base_url="{url}/v1", api_key="{key}")
  answer = client.chat.completions.create(model="auto", messages=[{{"role": "user", "content": "Hello!"}}])
  print(answer.choices[0].message.content)

{upstreams}
Ctrl-C stops everything. Logs: {logs}
"""
BEGIN: Final = """
  Begin here: {link}
  (signs you in once, lets you choose a password, and sends a first request)
"""
ELSEWHERE: Final = "(made earlier; `manage.py changepassword`)"


def greeting(access: Access, file: Path, logs: Path, upstreams: str, *, show_secrets: bool) -> str:
    """The text for the terminal. Outside the demo, secrets are shown on the first start only."""
    shown = show_secrets or access.fresh
    return GREETING.format(
        url=access.url,
        begin=BEGIN.format(link=access.link) if access.link and shown else "",
        user=access.user or ELSEWHERE,
        password=_secret(access.password, shown, file),
        key=_secret(access.api_key, shown, file),
        where=f"All of this is in {file}" if access.api_key else "Client keys are made in the admin.",
        upstreams=upstreams,
        logs=logs,
    )


def _secret(value: str, shown: bool, file: Path) -> str:
    if not value:
        return "(made earlier)"
    return value if shown else f"(in {file})"
