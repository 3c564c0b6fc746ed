/** Which cores a process may use: a contestant has one to itself, so that its own work is what is compared. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export type Role = 'contestant' | 'load'

const cores = findCores()

/** False where the system cannot bind a process to a core, or has only one. */
export const isPinned: boolean = cores.length > 1

/** The contestants' own, where processes can be bound to one. */
export const contestantCore: number | undefined = isPinned ? cores[0] : undefined

/** The command that runs `command` where its role belongs. */
export function placed(role: Role, command: readonly string[]): readonly string[] {
  return isPinned ? ['taskset', '-c', coresOf(role), ...command] : command
}

/** Moves this process, and all that it starts from now on, to the cores of the load. */
export function moveAside(): void {
  if (isPinned) spawnSync('taskset', ['-a', '-c', '-p', coresOf('load'), String(process.pid)])
}

function coresOf(role: Role): string {
  const [first, ...others] = cores
  return role === 'contestant' ? String(first) : others.join(',')
}

function findCores(): number[] {
  if (spawnSync('taskset', ['-c', '-p', String(process.pid)]).status !== 0) return []
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return list.split(',').flatMap(range => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, index) => first + index)
  })
}
