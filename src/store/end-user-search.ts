/** The search for end users by a part of their id: each way to search is one that an index answers. */
import { eq, like, or, type SQL, sql } from 'drizzle-orm'
import { isId } from './ids.ts'
import { checkKey, containsPattern, foldCase } from './stored-text.ts'
import { connections } from './tables.ts'

/** What an index of trigrams can look for inside a text: less leads nowhere. */
const minPartLength = 3

/** After every other character (RFC 3629), so that all that begin with a text come before it with this added. */
const lastCharacter = '\u{10ffff}'

/**
 * Three characters and more are looked for anywhere in the end user's id, less where it begins, both in any case; the id
 * of a connection finds that connection too.
 *
 * @throws GatewayError `INVALID_INPUT` naming `filter.search`
 */
export function matchesSearch(search: string): SQL | undefined {
  checkKey('filter.search', search)
  const folded = foldCase(search)
  if ([...folded].length < minPartLength) return beginsWith(search)
  const ofEndUser = like(connections.endUserSearch, containsPattern(folded))
  return isId('conn', search) ? or(eq(connections.id, search), ofEndUser) : ofEndUser
}

/** Ranges of the index on the id as it is written, one for each way to write the text: its folding is in none with an order. */
function beginsWith(text: string): SQL | undefined {
  const { endUserId } = connections
  const ranges = spellingsOf(text).map(
    start => sql`(${endUserId} >= ${start} and ${endUserId} < ${start + lastCharacter})`,
  )
  return or(...ranges)
}

function spellingsOf(text: string): string[] {
  let spellings = ['']
  for (const character of text) {
    const forms = [...new Set([character, character.toUpperCase(), character.toLowerCase()])]
    spellings = spellings.flatMap(start => forms.map(form => start + form))
  }
  return spellings
}
