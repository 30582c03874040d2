from django.apps import AppConfig


class ProfilingConfig(AppConfig):
    name = "profiling"

    def ready(self) -> None:
        from profiling.bulkqueue import queue  # models are there only now
        from providers.bulk import set_queue

        set_queue(queue)
