/** Pairing rows with columns at the least cost, as `tracking.assign` does in Python. */

/**
 * Pair rows with columns so that as many as possible are paired, at the least total cost.
 *
 * The Hungarian method by shortest augmenting paths: Jonker and Volgenant (1987), doi
 * 10.1007/BF02278710.
 *
 * @param costs A row for each row, infinite where a pair is not allowed.
 * @returns The pairs [row, column], by row.
 */
export function assign(costs: readonly (readonly number[])[]): [number, number][] {
  const rows = costs.length;
  const columns = costs[0]?.length ?? 0;
  if (rows === 0 || columns === 0) {
    return [];
  }

  // A forbidden pair costs more than all others together, so it is taken last, and then dropped.
  const allowed = costs.flat().filter(Number.isFinite);
  const forbidden = 1 + 2 * allowed.reduce((sum, cost) => sum + Math.abs(cost), 0);
  const size = Math.max(rows, columns);
  const costOf = (row: number, column: number): number => {
    const cost = costs[row - 1]?.[column - 1] ?? Infinity; // rows and columns count from 1
    return Number.isFinite(cost) ? cost : forbidden;
  };

  const rowPrice = new Float64Array(size + 1);
  const columnPrice = new Float64Array(size + 1);
  const rowOf = new Int32Array(size + 1); // rowOf[column]; 0 is none, and the start
  for (let row = 1; row <= size; row++) {
    augment(row, { size, costOf, rowPrice, columnPrice, rowOf });
  }
  const pairs: [number, number][] = [];
  for (let column = 1; column <= columns; column++) {
    const row = rowOf[column];
    if (row <= rows && Number.isFinite(costs[row - 1][column - 1])) {
      pairs.push([row - 1, column - 1]);
    }
  }
  return pairs.sort((a, b) => a[0] - b[0]);
}

interface Matching {
  readonly size: number;
  readonly costOf: (row: number, column: number) => number;
  readonly rowPrice: Float64Array;
  readonly columnPrice: Float64Array;
  readonly rowOf: Int32Array;
}

/** Add a row to the matching along the shortest path to a free column. */
function augment(row: number, { size, costOf, rowPrice, columnPrice, rowOf }: Matching): void {
  const shortest = new Float64Array(size + 1).fill(Infinity);
  const cameFrom = new Int32Array(size + 1);
  const done = new Uint8Array(size + 1);
  let column = 0;
  rowOf[0] = row;
  while (rowOf[column] !== 0) {
    done[column] = 1;
    let nearest = 0;
    for (let other = 1; other <= size; other++) {
      if (done[other] === 1) {
        continue;
      }
      const reduced = costOf(rowOf[column], other) - rowPrice[rowOf[column]] - columnPrice[other];
      if (reduced < shortest[other]) {
        [shortest[other], cameFrom[other]] = [reduced, column];
      }
      if (nearest === 0 || shortest[other] < shortest[nearest]) {
        nearest = other;
      }
    }

    const step = shortest[nearest];
    for (let other = 0; other <= size; other++) {
      if (done[other] === 1) {
        rowPrice[rowOf[other]] += step;
        columnPrice[other] -= step;
      } else {
        shortest[other] -= step;
      }
    }
    column = nearest;
  }

  while (column !== 0) {
    rowOf[column] = rowOf[cameFrom[column]];
    column = cameFrom[column];
  }
}
