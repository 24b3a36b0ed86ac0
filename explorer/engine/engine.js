// The whole engine, as the page and the tests use it.

import { accelerate } from "./fast.js";
import { shifted } from "./layers.js";
import { buildNetwork } from "./networks.js";
import { readTensors } from "./weights.js";
