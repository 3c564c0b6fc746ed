/** Patterns of definitions: RE2 syntax, matched in linear time, so that whoever writes a definition cannot stall the gateway. */
import { RE2JS } from 're2js'

const maxPatternLength = 500
/** Time per match is at most this times the length of the text. */
const maxProgramSize = 2000
const maxCached = 1000
const compiled = new Map<string, RE2JS>()

/** Says why the text is no pattern, as a noun phrase of what a pattern is; undefined when it is one. */
export function explainPattern(pattern: string): string | undefined {
  if (pattern.length > maxPatternLength) return `a pattern of at most ${maxPatternLength} characters`
  try {
    return RE2JS.compile(pattern).programSize() > maxProgramSize
      ? 'a simpler pattern: this one expands too far'
      : undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : String(error)
    return `a pattern in RE2 syntax (no lookaround, no backreferences): ${reason}`
  }
}

/** Whether the whole text matches, not just a part of it. */
export function matchesWhole(pattern: string, text: string): boolean {
  return compile(pattern).testExact(text)
}

function compile(pattern: string): RE2JS {
  const known = compiled.get(pattern)
  if (known !== undefined) return known
  if (compiled.size >= maxCached) compiled.clear()
  const program = RE2JS.compile(pattern)
  compiled.set(pattern, program)
  return program
}
