"""The web worker: uvicorn on a socket that the supervisor owns, with connections and an end of our own."""
