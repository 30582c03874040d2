"""Do the Anthropic SDK's own tests of our routes pass? Sync and async, loose and strict, beta or not."""

from tests.clients.support.shape import Run, place
from tests.clients.support.vendortests import Suite, run

SUITE = Suite(
    "anthropic",
    "2.11.0",
    "my-anthropic-api-key",
    ("api_resources/test_messages.py", "api_resources/beta/test_messages.py", "test_streaming.py"),
    {
        "deprecated_model_warning": "they judge the SDK's warning, by the names of a dozen retired models",
        "batches": "the gateway runs no batches",
        "api_resources/test_models.py": "/v1/models answers in OpenAI's form on one address for all clients",
        "all other files of the package": "not run: they use a mock, or resources that the gateway does not serve",
    },
)


def main() -> None:
    found = Run("Anthropic SDK (Python), its own tests", SUITE.version)
    found.cases = run(SUITE, place())
    found.end()


if __name__ == "__main__":
    main()
