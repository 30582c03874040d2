"""What the tests of the configuration file share: texts, and what the rows hold."""

import io

from django.core.management import call_command

from providers.models import Credential, Deployment, DeploymentPrice, LanguageModel, Provider
from routing.models import Policy
from tenants.models import Budget, ClientKey, Tenant

SECRET = "sk-upstream-0123456789"
WHOLE = """\
providers:
  - name: bench
    wire: openai
    base_url: http://127.0.0.1:9001/v1
    credential_env: BENCH_UPSTREAM_KEY
    allow_private: true
    data_policy: retains
    headers: {X-Title: NeuroRoute}
    deployments:
      - model: bench
        upstream_model: bench-v1
        context: 128000
        price: {input: 0.15, output: 0.60, cached_input: 0.075}
        capabilities: [tools, vision, json_schema]
        quantization: fp8
        unsupported: drop
        quality: 0.7
        timeouts: {connect: 2, first_byte: 10, first_token: 10, stall: 10, total: 300}
        retries: 1
models:
  - {name: bench, aliases: [bench-latest], category_quality: {coding: 0.8}}
tenants:
  - name: team-a
    keys:
      - {name: ci, limits: {tokens_per_minute: 9000}}
      - {name: ops, operator: true, allow: {models: [bench, "p/*"], policies: [cheap, "primary*"], routes: [chat]}}
    limits: {requests_per_minute: 600, tokens_per_minute: null, requests_per_day: null}
    allow: {models: ["bench*"], policies: ["*"]}
    default_policy: primary-first
    time_zone: Europe/Berlin
    keep_bodies_days: 30
    budgets:
      - {usd: 25.5, period: month, low: {percent: 20, policy: cheap}}
      - {tokens: 1000000, period: day, key: ci, hard: false, alerts: [90]}
      - {usd: 3, period: total, tag: nightly, unpriced: allow}
policies:
  - {name: balanced, kind: weighted, weights: {cost: 40, latency: 30, uptime: 30, quality: 0}}
  - {name: primary-first, kind: ordered, order: [bench/bench], client_tasks: {"*": balanced, summary: best}}
"""


def rows():
    kinds = (Provider, Credential, LanguageModel, Deployment, DeploymentPrice, Tenant, ClientKey, Budget, Policy)
    return [list(kind.objects.order_by("pk").values()) for kind in kinds]


def exported():
    out = io.StringIO()
    call_command("export", stdout=out)
    return out.getvalue()


def keys_in(output):
    lines = [line for line in output.splitlines() if "=nr-" in line]
    return dict(line.split("=", 1) for line in lines)


def provider(fields="", deployments=""):
    return f"providers:\n- name: p\n  wire: openai\n  base_url: https://p.test/v1\n{fields}{deployments}"


def deployment(fields=""):
    return provider(deployments=f"  deployments:\n  - model: m\n{fields}")
