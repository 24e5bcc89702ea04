/** The operators of the spaces: their names, in full and in short, and their colours. */

/** @type {{[operator: string]: {name: string, short: string, colour: string}}} */
const KNOWN = {
  mbconv: { name: "MBConv", short: "MB", colour: "#0072b2" },
  fused_mbconv: { name: "Fused-MBConv", short: "F", colour: "#e69f00" },
  mbconv_k7: { name: "MBConv", short: "L", colour: "#56b4e9" },
  convnext: { name: "ConvNeXt", short: "C", colour: "#cc79a7" },
  bottleneck: { name: "Bottleneck", short: "B", colour: "#d55e00" },
};
const OTHER_COLOUR = "#009e73";

/** An operator of the user's own stands by its name. @param {string} operator */
export const named = (operator) =>
  KNOWN[operator] ?? { name: operator, short: operator, colour: OTHER_COLOUR };

/** The same everywhere. @param {string} operator */
export const colourOf = (operator) => named(operator).colour;
