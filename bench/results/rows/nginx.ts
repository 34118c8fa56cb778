/** A static file server: nginx with one process, over loopback. */
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

export function nginx(bench: Bench): Promise<Nginx> {
  return bench.shared('nginx', async () => {
    const prefix = bench.path('nginx')
    const root = `${prefix}/files`
    mkdirSync(root, { recursive: true })
    const port = await bench.freePort()
    // It must read the folder of the benchmarks, which is its user's alone.
    const user = process.getuid?.() === 0 ? 'user root;' : ''
    const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${prefix}/temp;`)
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
  access_log off;
  sendfile on;
  keepalive_requests 1000000;
  ${paths}
  server { listen 127.0.0.1:${port}; root ${root}; }
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
  })
}
