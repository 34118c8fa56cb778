/** Archives of blocks, as the test with the suite of gateways reads them. */
import { test } from '../../serial.ts'
import { encode } from '@ipld/dag-cbor'
import { varint } from 'multiformats'
import { cidOf, DAG_PB, RAW, sha256 } from './blocks.ts'
import { blocksOfCar } from './car.ts'

const withLength = (bytes: Uint8Array): Buffer => {
  const length = new Uint8Array(varint.encodingLength(bytes.byteLength))
  return Buffer.concat([varint.encodeTo(bytes.byteLength, length), bytes])
}

test('an archive gives its blocks in order, and one that is cut short throws', (t) => {
  const blocks = ['a', 'b'.repeat(1000)].map((text, at) => {
    const bytes = Buffer.from(text)
    return { cid: cidOf(at === 0 ? RAW : DAG_PB, 0x12, sha256(bytes)), bytes }
  })
  const roots = [blocks[0]!.cid]
  const car = Buffer.concat([
    withLength(encode({ version: 1, roots })),
    ...blocks.map(({ cid, bytes }) => withLength(Buffer.concat([cid.bytes, bytes]))),
  ])
  const found = [...blocksOfCar(car)]
  t.deepEqual(
    found.map(({ cid }) => cid.toString()),
    blocks.map(({ cid }) => cid.toString()),
  )
  t.true(found.every(({ bytes }, at) => blocks[at]!.bytes.equals(bytes)))
  t.throws(() => [...blocksOfCar(car.subarray(0, -1))], { message: /cut short/ })
})
