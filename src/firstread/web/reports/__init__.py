"""Reports over HTTP: what the viewer and the editor call, and the pages."""
