// The packages of npm, which are installed below the target directory and not beside these files.

import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.env.DASHBOARD_NODE, "package.json"));

export const { chromium } = require("playwright-core");
export const axe = require("axe-core");
