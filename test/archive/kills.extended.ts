import { STUB_CREDENTIALS, startS3Stub } from '../bucket/s3-stub.ts'
import { test } from '../serial.ts'
import { KillDrill } from './kill-drill.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 5)

for (const mode of ['ack', 'lag'] as const) {
  test(`R011-61, R011-73 ${KILLS} kills of machine and directory together, ${mode}`, async (t) => {
    const stub = await startS3Stub()
    try {
      const { endpoint } = stub
      const place = 's3://bucket/archive'
      const drill = new KillDrill({ endpoint, place, environment: STUB_CREDENTIALS, mode })
      const told = await drill.run(KILLS)
      t.log(told)
      t.true(told.acknowledged > 5 * KILLS)
      t.true(told.kept > 10)
    } finally {
      await stub.close()
    }
  })
}
