"""What local servers say of their models' state, and how models get in and out of memory."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from providers.adapters.base import ListedModel
from providers.errors import InvalidRequest, Overloaded, Unreachable
from providers.local_servers import local_servers, recognised
from providers.local_servers.asking import Asking
from providers.models import Provider
from tests.discovery.upstream import upstream

LOADING = (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})


class Double:
    """A server that answers by its tables; `post` may change them, as loading does."""

    def __init__(self, pages, post=None):
        self.pages, self.post, self.posted = dict(pages), post, []

    def __call__(self, path, body):
        if body is not None:
            self.posted.append((path, body))
            return self.post(self, path, body) if self.post else (404, {"error": "not found"})
        found = self.pages.get(path, (404, {"error": {"message": "not found"}}))
        return found if isinstance(found, tuple) else (200, found)


def ollama(**more):
    def post(double, path, body):
        if path != "/api/generate" or body["model"] == "gone":
            return 404, {"error": "model 'gone' not found"}
        unloads = body.get("keep_alive") == 0
        rows = [] if unloads else [{"name": body["model"], "size": 5_000, "size_vram": 4_000, "expires_at": "soon"}]
        double.pages["/api/ps"] = {"models": rows}
        return 200, {"done": True, "done_reason": "unload" if unloads else "load"}

    pages = {"/api/version": {"version": "0.14"}, "/api/tags": {"models": [{"name": "a:8b"}, {"name": "b:1b"}]}}
    return Double(pages | {"/api/ps": {"models": []}} | more, post)


def lm_studio(*, old=False):
    v0 = {"data": [{"id": "a", "type": "vlm", "state": "not-loaded", "max_context_length": 8192, "arch": "qwen"}]}
    v1 = {"models": [{"key": "a", "loaded_instances": []}]}

    def post(double, path, body):
        if old:
            return 404, {"error": "Unexpected endpoint"}
        loads = path.endswith("/load")
        row = v0["data"][0] | {"state": "loaded" if loads else "not-loaded", "loaded_context_length": 4096}
        double.pages["/api/v0/models"] = {"data": [row]}
        double.pages["/api/v1/models"] = {
            "models": [{"key": "a", "loaded_instances": [{"id": "a:2"}] if loads else []}]
        }
        return 200, {"status": "loaded"}

    return Double({"/api/v0/models": v0} | ({} if old else {"/api/v1/models": v1}), post)


def llama_cpp_router(*, fails=False):
    def pages(value, **more):
        return {"data": [{"id": "a.gguf", "status": {"value": value, **more}}]}

    def post(double, path, body):
        if body["model"] != "a.gguf":
            return 404, {"error": {"code": 404, "message": "model is not found", "type": "not_found_error"}}
        if path.endswith("/load"):
            double.pages["/v1/models"] = pages("unloaded", failed=True, exit_code=1) if fails else pages("loaded")
        else:
            double.pages["/v1/models"] = pages("unloaded")
        return 200, {"success": True}

    props = {"role": "router", "default_generation_settings": {"n_ctx": 0}}
    return Double({"/health": {"status": "ok"}, "/props": props, "/v1/models": pages("unloaded")}, post)


def llama_cpp_alone(busy):
    slots = [{"id": n, "is_processing": n < busy} for n in range(2)]
    props = {"total_slots": 2, "default_generation_settings": {"n_ctx": 4096}, "modalities": {"vision": True}}
    return Double(
        {"/health": {"status": "ok"}, "/props": props, "/slots": (200, slots), "/v1/models": {"data": [{"id": "one"}]}}
    )


def states(asking, server):
    return {model.name: model.state for model in server.state(asking).models}


@pytest.mark.parametrize(
    ("double", "wire", "kind", "model"),
    [
        (ollama, "ollama", "ollama", "a:8b"),
        (lm_studio, "openai", "lm-studio", "a"),
        (llama_cpp_router, "openai", "llama.cpp", "a.gguf"),
    ],
)
def test_a_model_is_loaded_and_let_go(double, wire, kind, model):
    with upstream(double()) as told, Asking(told.url + "/v1") as asking:
        server = recognised(asking, wire)
        assert server.name == kind
        assert states(asking, server)[model] == "unloaded"
        server.load(asking, model)
        assert states(asking, server)[model] == "loaded"
        server.unload(asking, model)
        assert states(asking, server)[model] == "unloaded"


def test_ollama_tells_how_much_of_a_model_is_on_the_gpu():
    with upstream(ollama()) as told, Asking(told.url) as asking:
        server = local_servers()["ollama"]
        server.load(asking, "a:8b")
        loaded, other = server.state(asking).models
    assert (loaded.size_bytes, loaded.vram_bytes, loaded.expires_at) == (5_000, 4_000, "soon")
    assert (other.state, other.size_bytes, other.vram_bytes) == ("unloaded", None, None)


def test_a_refusal_to_load_says_why():
    with upstream(ollama()) as told, Asking(told.url) as asking, pytest.raises(InvalidRequest, match="not found"):
        local_servers()["ollama"].load(asking, "gone")


def test_an_lm_studio_without_a_management_api_says_so():
    with upstream(lm_studio(old=True)) as told, Asking(told.url) as asking:
        server = recognised(asking, "openai")
        assert server.name == "lm-studio"
        for act in (server.load, server.unload):
            with pytest.raises(InvalidRequest, match=r"0\.4"):
                act(asking, "a")


def test_lm_studio_unloads_by_the_ids_of_the_instances():
    double = lm_studio()
    with upstream(double) as told, Asking(told.url) as asking:
        server = local_servers()["lm-studio"]
        server.load(asking, "a")
        server.unload(asking, "a")
        with pytest.raises(InvalidRequest, match="not loaded"):
            server.unload(asking, "a")
    assert double.posted[-1] == ("/api/v1/models/unload", {"instance_id": "a:2"})


def test_lm_studio_tells_skills_and_context():
    with upstream(lm_studio()) as told, Asking(told.url) as asking:
        (model,) = local_servers()["lm-studio"].detailed(asking, [ListedModel("a")])
    assert model.context == 8192
    assert model.capabilities >= {"vision", "json_schema"}


def test_a_model_that_cannot_start_is_told_from_one_that_loads():
    with upstream(llama_cpp_router(fails=True)) as told, Asking(told.url) as asking:
        server = local_servers()["llama.cpp"]
        with pytest.raises(Overloaded, match="exit code 1"):
            server.load(asking, "a.gguf")
        assert states(asking, server) == {"a.gguf": "failed"}
        with pytest.raises(InvalidRequest, match="no such model"):
            server.load(asking, "b.gguf")


@pytest.mark.parametrize(("busy", "health"), [(0, "ready"), (2, "busy")])
def test_a_llama_cpp_of_one_model_tells_its_slots(busy, health):
    with upstream(llama_cpp_alone(busy)) as told, Asking(told.url) as asking:
        server = recognised(asking, "openai")
        seen = server.state(asking)
        assert (seen.kind, seen.health) == ("llama.cpp", health)
        (model,) = seen.models
        assert (model.slots, model.busy, model.context) == (2, busy, 4096)
        (listed,) = server.detailed(asking, [ListedModel("one")])
        assert listed.context == 4096 and "vision" in listed.capabilities
        with pytest.raises(InvalidRequest, match="started with"):
            server.load(asking, "one")


def test_a_llama_cpp_that_still_loads_is_recognised():
    with upstream(Double({"/health": LOADING})) as told, Asking(told.url) as asking:
        server = recognised(asking, "openai")
        assert server.name == "llama.cpp"
        assert server.state(asking).health == "loading"


def test_another_server_is_none_of_them():
    with upstream(Double({"/v1/models": {"data": [{"id": "m"}]}})) as told, Asking(told.url) as asking:
        assert recognised(asking, "openai") is None


@pytest.mark.parametrize("kind", sorted(local_servers()))
def test_nonsense_is_no_state(kind):
    """Whatever JSON comes: no crash, no invented number."""
    for nonsense in ([], "x", {"models": 3, "data": [1, {"id": 2}]}, {"models": [{"name": "m", "size": "big"}]}):
        pages = dict.fromkeys(("/api/ps", "/api/tags", "/api/v0/models", "/v1/models", "/health", "/props"), nonsense)
        with upstream(Double(pages)) as told, Asking(told.url) as asking:
            found = local_servers()[kind].state(asking)
            assert all(model.size_bytes is None and model.context is None for model in found.models)


def test_nobody_there_is_unreachable():
    with Asking("http://127.0.0.1:9") as asking:
        assert recognised(asking, "ollama") is None
        with pytest.raises(Unreachable):
            local_servers()["ollama"].state(asking)


@pytest.mark.django_db
def test_the_command_shows_loads_and_unloads():
    def run(*arguments):
        out = StringIO()
        call_command("local_models", *arguments, stdout=out)
        return out.getvalue()

    assert "No provider" in run()
    with upstream(ollama()) as told:
        Provider.objects.create(name="box", wire="ollama", base_url=told.url, local=True, allow_private=True)
        Provider.objects.create(name="off", wire="ollama", base_url="http://127.0.0.1:9", local=True)
        assert run("--load", "box/a:8b") == "box/a:8b: loaded\n"
        shown = run()
        assert "box: ollama, ready" in shown and "a:8b" in shown and "VRAM" in shown
        assert "off: no Ollama" in shown
        run("--unload", "box/a:8b")
        assert "VRAM" not in run()
        with pytest.raises(CommandError, match="the local providers: box, off"):
            run("--load", "a:8b")
        with pytest.raises(CommandError, match="not found"):
            run("--load", "box/gone")
