"""The sandbox: a scripted upstream that speaks the vendors' wire formats over real HTTP, without Django."""
