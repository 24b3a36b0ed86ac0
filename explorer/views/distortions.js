// 9. Simard's table next to ours.

import { rows, words } from "../page/data.js";
import { linesOf, table, withInterval } from "../page/dom.js";
import { claimBox, fileOf, missing, origins } from "../page/parts.js";

export const distortionsView = {
  name: "Simard",
  title: "Do distortions help?",
  lead:
    "Simard, Steinkraus and Platt (2003) translated and warped their training images. Test errors in percent: " +
    "theirs, on MNIST, and ours.",
  build(section) {
    const measured = rows("simard2003-published");
    if (!measured.length) missing(section, "replication of Simard's table");
    else {
      section.append(
        table(
          ["network", "training images", "published", "ours", "read from"],
          measured.map((row) => [
            words(row.model),
            words(row.training),
            row.published ?? "–",
            withInterval(row),
            linesOf(row),
          ]),
        ),
      );
    }
    section.append(claimBox("C2"), origins({ files: fileOf("simard2003-published", ""), claims: ["C2"] }));
    return () => "";
  },
};
