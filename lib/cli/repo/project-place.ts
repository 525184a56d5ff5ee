import { join } from 'node:path'
import { HostConfiguration } from '../../gateway/configuration/host-configuration.ts'
import { type RepositoryPlace, repositoryPlace } from '../../gateway/configuration/repository-settings.ts'
import { createLog } from '../../gateway/project/log.ts'
import { projectOfConf } from '../../gateway/project/project.ts'

/**
 * Where the repository of a project is, as a gateway on it finds out.
 * @throws StartError that names the file that does not say it
 */
export async function placeOfProject(dir: string, env: NodeJS.ProcessEnv): Promise<RepositoryPlace> {
  const project = projectOfConf(join(dir, 'conf'))
  const configuration = new HostConfiguration({ project, env, log: createLog({ level: 'silent' }) })
  try {
    await configuration.start()
    return repositoryPlace(project, configuration, env)
  } finally {
    await configuration.dispose()
  }
}
