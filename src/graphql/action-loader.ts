/** Lists of actions for many integrations at once: what the fields of one tick ask for is read together. */
import DataLoader from 'dataloader'
import type { Action } from '../actions/action.ts'
import type { ActionList, Actions } from '../actions/actions.ts'
import type { Page } from '../store/page.ts'

export type ActionsOf = (list: ActionList) => Promise<Page<Action>>

export function createActionLoader(actions: Pick<Actions, 'listMany'>): ActionsOf {
  const loader = new DataLoader<ActionList, Page<Action>>(lists => actions.listMany(lists), { cache: false })
  return list => loader.load(list)
}
