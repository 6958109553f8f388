/** Bench rows as a table for a terminal. */
import type { BenchRow } from "../harness.ts";

const HEAD = ["bench", "metric", "median", "unit", "min", "max", "peer", "peer's", "ratio", "goal", "met"] as const;

export function tableOf(rows: readonly BenchRow[]): string {
  const lines = [HEAD.map(String), ...rows.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const text = lines.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [text[0], widths.map((width) => "-".repeat(width)).join("  "), ...text.slice(1)].join("\n");
}

function cells(row: BenchRow): string[] {
  return [
    row.bench,
    row.metric,
    figure(row.value),
    row.unit,
    figure(row.min),
    figure(row.max),
    row.peer ?? "",
    row.peerValue === undefined ? "" : figure(row.peerValue),
    row.ratio === undefined ? "" : `${row.ratio}x`,
    row.goal,
    row.goal === "-" ? "" : row.pass ? "yes" : "NO",
  ];
}

const figure = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 3 });
