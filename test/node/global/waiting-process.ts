/** A process that only waits for the removal of a tree: nothing else keeps it running. */
import { SILENT } from '../../../src/log.ts'
import { openNode } from '../../../src/node/open.ts'
import { putTree } from '../put-tree.ts'

const node = await openNode({
  role: 'standalone',
  store: 'memory',
  cacheBytes: 1,
  log: SILENT,
})
const { key } = await putTree(node, { sub: { file: Buffer.from('content') } }, 'tree')
const { tree } = await node.index.remove(key, { force: true })
process.stdout.write(`removed ${tree!.removed}`)
await node.close()
