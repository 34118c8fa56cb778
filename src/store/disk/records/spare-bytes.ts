/** How much of LMDB's file is not in use: the file never shrinks. */
import type { Database as LmdbTable, RootDatabase } from 'lmdb'

type Table = LmdbTable<Buffer, Uint8Array>

/** Part of what `getStats` returns; `lmdb` does not declare it. */
interface Stats {
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

interface RootStats extends Stats {
  readonly pageSize: number
  readonly lastPageNumber: number
  readonly root: Stats
  readonly free: Stats
}

function statsOf(table: Table): Stats {
  return table.getStats() as Stats
}

function pagesOf({ treeBranchPageCount, treeLeafPageCount, overflowPages }: Stats): number {
  return treeBranchPageCount + treeLeafPageCount + overflowPages
}

const META_PAGES = 2

/** Bytes of unused pages, which LMDB uses again. */
export function spareBytesOf(
  database: RootDatabase<Buffer, Uint8Array>,
  tables: readonly Table[],
): number {
  const { pageSize, lastPageNumber, root, free } = statsOf(database) as RootStats
  const used = [root, free, ...tables.map(statsOf)].reduce((sum, stats) => sum + pagesOf(stats), 0)
  return (lastPageNumber + 1 - META_PAGES - used) * pageSize
}
