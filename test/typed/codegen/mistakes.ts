/** What the types refuse: each line below is a mistake that the compiler has to find. */
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core'
import { type callVendor, type listAccounts, wanted } from './accounts'

export const noPath: VariablesOf<typeof callVendor> = { id: 'conn_1' }
export const noSuchStatus: VariablesOf<typeof listAccounts> = { ...wanted, filter: { status: 'BROKEN' } }
export const mayBeNull = ({ passthrough }: ResultOf<typeof callVendor>): number => passthrough.status
export const notAsked = ({ connections }: ResultOf<typeof listAccounts>) => connections.totalCount
