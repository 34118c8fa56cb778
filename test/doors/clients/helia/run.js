// One use of Helia over dstore, by the words of the command line; it prints what it found as JSON.
//
//   blockstore DIR CID     verified-fetch, with the store of a daemon as Helia's blockstore
//   broker DIR CID         the same, with Helia's own blockstore and dstore as a block broker
//   import DIR BYTES       a file of so many bytes imported as UnixFS into the store of a daemon
//   file DIR CID           that file, read again by verified-fetch
//   gateway URL TOKEN CID [MOST]   one block by Helia's client of trustless gateways
import { createHash } from 'node:crypto'
import { unixfs } from '@helia/unixfs'
import { trustlessGatewayBlockBroker } from '@helia/trustless-gateway-client'
import { createVerifiedFetch } from '@helia/verified-fetch'
import { multiaddr } from '@multiformats/multiaddr'
import { createHeliaLight } from 'helia'
import { CID } from 'multiformats/cid'
import { blake3, DstoreBlockstore, dstoreBlockBroker } from '@dstore/blockstore'
import { connect } from '@dstore/dstore'

const [use, ...words] = process.argv.slice(2)

const print = (found) => process.stdout.write(`${JSON.stringify(found)}\n`)

const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Runs `work` with a Helia over the daemon of this directory. */
async function withHelia(dir, init, work) {
  const store = await connect({ dir })
  const helia = createHeliaLight({ hashers: [blake3], ...init(store) })
  await helia.start()
  try {
    await work(helia, store)
  } finally {
    await helia.stop()
    await store.close()
  }
}

const overStore = (store) => ({ blockstore: new DstoreBlockstore(store) })

async function fetched(helia, cid) {
  const verifiedFetch = await createVerifiedFetch(helia)
  // A session asks peers of a network, and there is none.
  const response = await verifiedFetch(`ipfs://${cid}`, { session: false })
  const bytes = Buffer.from(await response.arrayBuffer())
  print({ status: response.status, size: bytes.byteLength, sha256: sha256(bytes) })
  await verifiedFetch.stop()
}

/** Bytes that look random, the same in each run. */
function noise(size) {
  const bytes = Buffer.alloc(size)
  let state = 1
  for (let at = 0; at < size; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes.writeUInt32LE(state, at)
  }
  return bytes
}

const USES = {
  blockstore: ([dir, cid]) => withHelia(dir, overStore, (helia) => fetched(helia, cid)),
  file: ([dir, cid]) => withHelia(dir, overStore, (helia) => fetched(helia, cid)),
  broker: ([dir, cid]) =>
    withHelia(
      dir,
      () => ({}),
      async (helia, store) => {
        helia.addBlockBroker(dstoreBlockBroker(store))
        await fetched(helia, cid)
      },
    ),
  import: ([dir, size]) =>
    withHelia(dir, overStore, async (helia) => {
      const bytes = noise(Number(size))
      const cid = await unixfs(helia).addBytes(bytes)
      print({ cid: cid.toString(), size: bytes.byteLength, sha256: sha256(bytes) })
    }),
  async gateway([url, token, cid, most]) {
    const { hostname, port } = new URL(url)
    const provider = {
      multiaddrs: [multiaddr(`/ip4/${hostname}/tcp/${port}/http`)],
      fallback: false,
      router: 'test',
    }
    const { logger } = createHeliaLight()
    const broker = trustlessGatewayBlockBroker({
      allowInsecure: true,
      allowLocal: true,
      transformRequestInit: (init) => {
        const headers = new Headers(init.headers)
        headers.set('Authorization', `Bearer ${token}`)
        return { ...init, headers }
      },
    })({
      logger,
      routing: {
        async *findProviders() {
          yield provider
        },
      },
    })
    const limit = most === undefined ? {} : { maxSize: Number(most) }
    const parsed = CID.parse(cid)
    const block = await broker.retrieve(parsed, {
      ...limit,
      validateFn: async (bytes) => {
        const { digest } = blake3.digest(bytes)
        if (!Buffer.from(digest).equals(parsed.multihash.digest)) throw new Error('other bytes')
      },
    })
    print({ status: 200, size: block.byteLength, sha256: sha256(block) })
  },
}

await USES[use](words)
