/** nginx with one process, over loopback: a static file server, and a plain HTTP cache. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import type { Bench } from '../bench.ts'
import { end } from '../processes.ts'

export interface Nginx {
  /** Files in this folder are served. */
  readonly root: string
  readonly url: string
  readonly pid: number
}

/** Serves files. */
export const nginx = (bench: Bench): Promise<Nginx> =>
  bench.shared('nginx', () => start(bench, 'nginx', 'access_log off;', ''))

/** Serves files, with more settings; those of one name share a process. */
export const nginxWith = (bench: Bench, name: string, more: string): Promise<Nginx> =>
  bench.shared(name, () => start(bench, name, 'access_log off;', more))

export interface HttpCache extends Nginx {
  /** How many requests it has answered. */
  readonly requests: () => Promise<number>
}

/** Takes files by PUT, serves them, and logs each request. */
export const httpCache = (bench: Bench): Promise<HttpCache> =>
  bench.shared('nginx with WebDAV', async () => {
    const log = bench.path('http-cache-log')
    const dav = 'dav_methods PUT DELETE; create_full_put_path on; client_max_body_size 0;'
    const started = await start(bench, 'http-cache', `access_log ${log};`, dav)
    return {
      ...started,
      requests: () => Promise.resolve(readFileSync(log, 'latin1').split('\n').length - 1),
    }
  })

async function start(bench: Bench, name: string, log: string, more: string): Promise<Nginx> {
  const prefix = bench.path(name)
  const root = `${prefix}/files`
  mkdirSync(root, { recursive: true })
  const port = await bench.freePort()
  // It must read the folder of the benchmarks, which is its user's alone.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((one) => `${one}_temp_path ${prefix}/temp;`)
    .join('\n')
  writeFileSync(
    `${prefix}/nginx.conf`,
    `${user}
daemon off;
master_process off;
pid ${prefix}/pid;
error_log ${prefix}/errors;
events { worker_connections 1024; }
http {
  ${log}
  sendfile on;
  keepalive_requests 1000000;
  ${paths}
  server { listen 127.0.0.1:${port}; root ${root}; ${more} }
}
`,
  )
  const args = ['-p', prefix, '-c', `${prefix}/nginx.conf`]
  const child = spawn('nginx', args, { stdio: ['ignore', 'ignore', 'ignore'] })
  bench.onClose(() => end(child))
  for (let tries = 0; !existsSync(`${prefix}/pid`); tries++) {
    if (tries > 100 || child.exitCode !== null) {
      throw new Error(`nginx did not start: ${readFileSync(`${prefix}/errors`, 'utf8')}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { root, url: `http://127.0.0.1:${port}`, pid: child.pid! }
}
