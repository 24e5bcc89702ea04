"use strict";

/** The stage table of EfficientNetV2's Table 4, for one network or two with what differs marked. */
{
  const { element } = nas.dom;
  const OPERATORS = { mbconv: "MBConv", fused_mbconv: "Fused-MBConv" };
  const HEAD = ["stage", "operator", "stride", "channels", "layers"];

  /** @param {Object[]} architectures one or two, as in their JSON */
  function table(architectures) {
    const all = architectures.map(lines);
    const count = Math.max(...all.map((own) => own.length));
    const body = Array.from({ length: count }, (_, place) => rows(all, place)).flat();
    return element(
      "table.stages",
      {},
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          head(all.length).map((text) => element("th", { scope: "col" }, text)),
        ),
      ),
      element("tbody", {}, body),
    );
  }

  const head = (count) => (count > 1 ? ["", ...HEAD] : HEAD);

  /** Stem, stages, head: the head of a shorter network stands beside a longer one's stage. */
  function lines({ stem_channels, stem_stride, stages, head_channels }) {
    return [
      [0, "Conv3x3", stem_stride, stem_channels, 1],
      ...stages.map((stage, place) => [
        place + 1,
        operator(stage),
        stage.stride,
        stage.channels,
        stage.layers,
      ]),
      [stages.length + 1, "Conv1x1 & Pooling & FC", "-", head_channels, 1],
    ];
  }

  function operator({ operator, expansion, kernel, se_ratio }) {
    const squeeze = se_ratio ? `, SE${se_ratio}` : "";
    return `${OPERATORS[operator] ?? operator}${expansion}, k${kernel}x${kernel}${squeeze}`;
  }

  function rows(all, place) {
    const own = all.map((lines) => lines[place]);
    return own.map((line, network) => {
      const letter = all.length > 1 && element("th", { scope: "row" }, "AB"[network]);
      if (!line)
        return element(
          "tr.second",
          {},
          letter,
          element("td.muted", { colspan: HEAD.length }, "no such stage"),
        );
      const cells = line.map((value, cell) => {
        const differs = all.length > 1 && (!own[1 - network] || own[1 - network][cell] !== value);
        return element(
          `td${cell === 1 ? "" : ".number"}${differs ? ".differs" : ""}`,
          {},
          differs ? element("mark", {}, value) : value,
        );
      });
      return element(network ? "tr.second" : "tr", {}, letter, cells);
    });
  }

  nas.stages = { table };
}
