"""Do the OpenAI SDK's own tests of our routes pass? Sync and async, loose and strict, httpx and aiohttp."""

from tests.clients.support.shape import Run, place
from tests.clients.support.vendortests import Suite, run

STRICT_BASE64 = "the SDK itself asks for base64, and its strict mode refuses the base64 that it then gets"
SUITE = Suite(
    "openai",
    "3.52.0",
    "My API Key",
    (
        "api_resources/chat/test_completions.py",
        "api_resources/test_embeddings.py",
        "api_resources/test_models.py",
        "test_sse_framing.py",
        "test_streaming.py",
        "lib/test_embeddings.py",
        "lib/test_streaming_deltas.py",
    ),
    {
        "delete or update or cancel or compact": "the gateway stores nothing that a client could change",
        "Completions and (retrieve or list)": "the gateway stores no chats",
        "Completions and with_all_params": "they send max_tokens 0, which is refused by name",
        "TestEmbeddings and strict and not with_all_params": STRICT_BASE64,
        "TestAsyncEmbeddings and (strict or aiohttp) and not with_all_params": STRICT_BASE64,
        "api_resources/test_responses.py": "they name no model, or a stored response",
        "all other files of the package": "not run: they use a mock, or resources that the gateway does not serve",
    },
    "/v1",
)


def main() -> None:
    found = Run("OpenAI SDK (Python), its own tests", SUITE.version)
    found.cases = run(SUITE, place())
    found.end()


if __name__ == "__main__":
    main()
