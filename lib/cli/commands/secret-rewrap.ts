import { unbound } from '../../config/values/secret-rotation.ts'
import type { Command } from '../command.ts'
import { reencryptProject } from '../reencrypt-project.ts'
import { projectDirOf, projectOption } from './project-option.ts'

export const secretRewrap: Command = {
  name: 'secret rewrap',
  summary: 'Binds the encrypted values in conf/*.json to their places.',
  options: projectOption,
  notes: `A bound value opens in its own file and field only, and in an instance as long as its addresses stay the same: nobody
can put it where it would be shown or sent to another server. Values of earlier versions, of "secret encrypt" and of IDM
are bound to no place; each is bound when its object is written over REST, or by this command.`,

  run: (values, io) => reencryptProject(projectDirOf(values, io.cwd), io, unbound),
}
