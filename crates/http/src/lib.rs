//! Is the engine's connection over HTTP/1.1, HTTP/2 and server-sent events.
