import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { openBucket } from '../../src/bucket/s3-objects.ts'
import { SDK_VERSION } from '../../src/bucket/sdk.ts'
import type { DstoreError } from '../../src/errors.ts'
import { test } from '../serial.ts'
import { PLACE, withBucket } from './opened.ts'
import { STUB_CREDENTIALS, startS3Stub } from './s3-stub.ts'

const missing = Object.assign(new Error('Cannot find package'), { code: 'ERR_MODULE_NOT_FOUND' })

test('R011-2: without the client, opening says how to install the tested version', async (t) => {
  for (const cause of [missing, new SyntaxError('for a newer Node')]) {
    const opened = openBucket({
      place: PLACE,
      environment: {},
      load: () => Promise.reject(cause),
    })
    const error = (await t.throwsAsync(opened)) as DstoreError
    t.is(error.code, 'unsupported')
    t.true(error.hint!.startsWith(`npm i @aws-sdk/client-s3@${SDK_VERSION}`), error.hint)
  }
})

test('R011-1: a bad place is refused before the client is loaded', async (t) => {
  const load = (): never => t.fail('it was loaded') as never
  for (const options of [{ place: 's3://abc' }, { place: PLACE, endpoint: 'nowhere' }]) {
    const error = await t.throwsAsync(openBucket({ environment: {}, load, ...options }))
    t.is((error as DstoreError).code, 'usage')
  }
})

/** Opens a bucket in a process of its own, asks something, and warns. */
const PROGRAM = `
  import { openBucket } from ${JSON.stringify(import.meta.resolve('../../src/bucket/s3-objects.js'))}
  const environment = process.env
  const objects = await openBucket({ place: ${JSON.stringify(PLACE)}, environment })
  console.log(JSON.stringify(await objects.list('')), Object.keys(environment).filter((n) => /SDK_JS/.test(n)))
  process.emitWarning('another warning')
  await objects.close()`

test('R011-2: credentials, region and endpoint are those of the environment; nothing is printed', async (t) => {
  const stub = await startS3Stub()
  try {
    const { PATH, NODE_V8_COVERAGE } = process.env
    const env = {
      PATH,
      ...(NODE_V8_COVERAGE !== undefined && { NODE_V8_COVERAGE }),
      ...STUB_CREDENTIALS,
      AWS_REGION: 'eu-test-7',
      AWS_ENDPOINT_URL: stub.endpoint,
    }
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', PROGRAM],
      { env },
    )
    t.is(stdout.trim(), '{"objects":[],"more":false} []')
    t.deepEqual(stderr.match(/Warning.*/g), ['Warning: another warning'], stderr)
    t.regex(stub.log[0]!.headers['authorization']!, /Credential=AKIDSTUB\/\d+\/eu-test-7\/s3\//)
  } finally {
    await stub.close()
  }
})

test('without a region there is one, and bodies over plain HTTP are signed', async (t) => {
  await withBucket(async ({ stub, objects }) => {
    await objects.put('a', Buffer.from('bytes'))
    const { headers } = stub.log[0]!
    const { AWS_REGION, AWS_DEFAULT_REGION, AWS_PROFILE } = process.env
    if ((AWS_REGION ?? AWS_DEFAULT_REGION ?? AWS_PROFILE) === undefined) {
      t.regex(headers['authorization']!, /\/us-east-1\/s3\//)
    }
    t.regex(headers['x-amz-content-sha256']!, /^[0-9a-f]{64}$/)
    // Others than Amazon refuse these.
    const refused = Object.keys(headers).filter((name) => /checksum|trailer|expect/.test(name))
    t.deepEqual(refused, [])
  })
})
