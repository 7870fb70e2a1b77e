// The client's modules as they are written: Node.js strips the types, and these names are what is made of them.
import { registerHooks } from "node:module";

registerHooks({
  resolve: (name, context, next) => next(/^\.\/\w+\.js$/.test(name) ? name.replace(/js$/, "ts") : name, context),
});
