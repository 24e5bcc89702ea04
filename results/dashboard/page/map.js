"use strict";

/** Which candidate wins at which w and v: a map of the plane, the winner's part in the accent. */
{
  const { byId } = nas.dom;
  const CELLS = 48; // a side
  /** @type {{rows: Row[] | null, parts: Map<Row, Pair[]>}} */
  let field = { rows: null, parts: new Map() };

  /** Each possible winner's cells, kept until the shown candidates change. */
  function parts() {
    if (field.rows !== nas.model.shown) field = { rows: nas.model.shown, parts: divide() };
    return field.parts;
  }

  function divide() {
    const rows = nas.objective.undominated(nas.model.shown);
    const found = new Map();
    for (let column = 0; column < CELLS; column++) {
      for (let line = 0; line < CELLS; line++) {
        const first = firstAt(rows, { w: valueAt(column), v: valueAt(CELLS - 1 - line) });
        if (!found.has(first)) found.set(first, []);
        found.get(first).push([column, line]);
      }
    }
    return found;
  }

  /** @param {Row | undefined} winner @param {Exponents} at */
  function draw(winner, at) {
    const canvas = byId("map");
    canvas.parentElement.hidden = !winner;
    if (!winner) return;
    const scale = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    paint(pen, [width / CELLS, height / CELLS], winner);
    name(pen, [width / CELLS, height / CELLS]);
    cross(pen, width, height, at);
  }

  /** @param {number} cell */
  const valueAt = (cell) => nas.reward.LOWEST * (1 - (cell + 0.5) / CELLS);

  /** @param {Pen} pen @param {Pair} size @param {Row} winner */
  function paint(pen, [across, down], winner) {
    let place = 0;
    for (const [row, cells] of parts()) {
      const plain = nas.colours.theme(`map-${place++ % 4}`);
      pen.fillStyle = row === winner ? nas.colours.theme("map-first") : plain;
      for (const [column, line] of cells)
        pen.fillRect(column * across, line * down, across + 0.5, down + 0.5);
    }
  }

  /** @param {Row[]} rows @param {Exponents} at */
  function firstAt(rows, at) {
    let [first, most] = [rows[0], -Infinity];
    for (const row of rows) {
      const value = nas.objective.logReward(row, at);
      if (value > most) [first, most] = [row, value];
    }
    return first;
  }

  /** Its number in each part that has room for one. @param {Pen} pen @param {Pair} size */
  function name(pen, size) {
    pen.font = `10px ${getComputedStyle(document.body).fontFamily}`;
    pen.textAlign = "center";
    pen.fillStyle = nas.colours.theme("text");
    for (const [row, cells] of parts()) {
      if (cells.length < 60) continue;
      /** @param {number} axis */
      const middle = (axis) =>
        (cells.reduce((sum, cell) => sum + cell[axis], 0) / cells.length + 0.5) * size[axis];
      pen.fillText(String(row.number), middle(0), middle(1) + 3);
    }
  }

  /** @param {Pen} pen @param {number} width @param {number} height @param {Exponents} at */
  function cross(pen, width, height, { w, v }) {
    const [x, y] = [width * (1 - w / nas.reward.LOWEST), (height * v) / nas.reward.LOWEST];
    pen.strokeStyle = nas.colours.theme("text");
    pen.lineWidth = 1.5;
    pen.beginPath();
    pen.arc(x, y, 4, 0, 2 * Math.PI);
    pen.stroke();
  }

  function listen() {
    byId("map").addEventListener("click", (event) => {
      const box = byId("map").getBoundingClientRect();
      /** @param {number} share */
      const rounded = (share) => Math.round(200 * nas.reward.LOWEST * share) / 200;
      nas.reward.set(
        rounded(1 - (event.clientX - box.left) / box.width),
        rounded((event.clientY - box.top) / box.height),
      );
    });
  }

  nas.map = { draw, listen };
}
