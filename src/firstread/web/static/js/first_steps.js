/** The page that waits for the first study: it becomes the worklist when something has come. */

import * as live from "./live.js";

live.on("study", () => location.reload());
