/** Installs the tests' foreign servers and client libraries (test/vendors) unless what its lock file names is there already. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const vendors = join(import.meta.dirname, '../vendors')
const stamp = join(vendors, 'node_modules/.installed')
const wanted = createHash('sha256')
  .update(readFileSync(join(vendors, 'package-lock.json')))
  .digest('hex')

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  process.stdout.write('Installing the servers and clients that the tests use (once; about 900 MB in test/vendors) …\n')
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--ignore-scripts'], {
    cwd: vendors,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  writeFileSync(stamp, wanted)
}
