"""OpenAI's Responses, as OpenAI's server speaks them: a second form of chats on the OpenAI wire."""
