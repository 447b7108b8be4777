//! Is the embedded target: an LLM chat server over SSE beside plain and faulty endpoints.
