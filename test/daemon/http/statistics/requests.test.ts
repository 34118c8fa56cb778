import { request } from 'node:http'
import { test } from '../../../serial.ts'
import { ask, serving } from '../../serving.ts'
import { eventually } from '../../../eventually.ts'

/** The lines of a metric, without its name. */
function linesOf(text: string, name: string): string[] {
  const all = text.split('\n').filter((line) => line.startsWith(`${name}{`))
  return all.map((line) => line.slice(name.length))
}

const counts = async (socket: string): Promise<string[]> => {
  const { body } = await ask(socket, 'GET', '/metrics')
  return linesOf(body.toString(), 'dstore_http_requests_total').toSorted()
}

test('R013-40 requests count by route, method and outcome, also those answered at once', async (t) => {
  const { daemon, node } = await serving(t, { doors: ['cache'] })
  const { socket } = daemon
  const { body } = await ask(socket, 'POST', '/v1/values', { body: 'a value' })
  const { key } = JSON.parse(body.toString()) as { key: string }
  await ask(socket, 'GET', `/v1/values/${key}`)
  t.is(node.immediate.given, 1, 'the immediate path answers')
  await ask(socket, 'GET', `/v1/values/${key}`, { headers: { range: 'bytes=0-1' } })
  await ask(socket, 'GET', '/v1/values/no-such-name')
  await ask(socket, 'PUT', '/cache/space/one', { body: 'through a door' })
  await ask(socket, 'GET', '/cache/space/one')
  await ask(socket, 'GET', '/v1/nothing-here')
  await ask(socket, 'PATCH', '/v1/values')
  t.deepEqual(await counts(socket), [
    '{route="/cache",method="GET",outcome="ok"} 1',
    '{route="/cache",method="PUT",outcome="ok"} 1',
    '{route="/v1/values",method="POST",outcome="ok"} 1',
    '{route="/v1/values/{key}",method="GET",outcome="ok"} 2',
    '{route="/v1/values/{key}",method="GET",outcome="refused"} 1',
    '{route="other",method="any",outcome="refused"} 2',
  ])
})

test('R013-40 an answer that fails, and one that its client leaves', async (t) => {
  const { daemon, node } = await serving(t)
  const { socket } = daemon
  node.fault = new Error('a bug')
  t.is((await ask(socket, 'GET', '/v1/values/name')).status, 500)
  node.fault = undefined
  let open: () => void = () => undefined
  node.gate = new Promise((resolve) => (open = resolve))
  const sent = request({ socketPath: socket, method: 'POST', path: '/v1/values' })
  sent.setHeader('host', 'localhost')
  sent.on('error', () => undefined)
  const before = node.signals.length
  sent.end('a value')
  await eventually(() => node.signals.length > before)
  sent.destroy()
  await eventually(() => node.signals.at(-1)!.aborted)
  open()
  await eventually(async () =>
    (await counts(socket)).includes('{route="/v1/values",method="POST",outcome="cut"} 1'),
  )
  t.true(
    (await counts(socket)).includes('{route="/v1/values/{key}",method="GET",outcome="failed"} 1'),
  )
})

test('R013-41 durations by route: every answer is in one bucket, and under its bound', async (t) => {
  const { daemon } = await serving(t)
  const { socket } = daemon
  for (let i = 0; i < 5; i++) await ask(socket, 'GET', '/v1/status')
  const text = (await ask(socket, 'GET', '/metrics')).body.toString()
  const name = 'dstore_http_request_duration_seconds'
  const buckets = linesOf(text, `${name}_bucket`).map((line) => Number(line.split(' ')[1]))
  t.deepEqual(
    buckets,
    buckets.toSorted((a, b) => a - b),
  )
  t.is(buckets.at(-1), 5)
  t.deepEqual(linesOf(text, `${name}_count`), ['{route="/v1/status"} 5'])
  const [sum] = linesOf(text, `${name}_sum`)
  const seconds = Number(sum!.split(' ')[1])
  t.true(seconds > 0 && seconds < 10)
})

test('R013-42 the first scrape has the CPU time of the process, and no lag that nobody measured', async (t) => {
  const { daemon } = await serving(t)
  const before = process.cpuUsage()
  const text = (await ask(daemon.socket, 'GET', '/metrics')).body.toString()
  const again = (await ask(daemon.socket, 'GET', '/metrics')).body.toString()
  for (const scrape of [text, again]) {
    const figures = new Map(scrape.split('\n').map((line) => line.split(' ') as [string, string]))
    const seconds = Number(figures.get('process_cpu_seconds_total'))
    t.true(seconds >= (before.user + before.system) / 1e6)
    t.false(/NaN/i.test(scrape))
    const lags = [...figures].filter(([name]) => name.startsWith('nodejs_eventloop_lag'))
    t.true(lags.every(([, value]) => Number(value) < 1000))
  }
})
