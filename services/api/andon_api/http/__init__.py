"""HTTP as this API speaks it: bodies, problems, ETags, pages, waiting, and the effect of a request."""
