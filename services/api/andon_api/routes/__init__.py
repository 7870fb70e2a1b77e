"""The routes, a module per noun. They parse, call and answer; the decisions are elsewhere."""
