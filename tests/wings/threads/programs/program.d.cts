declare function program(threads: unknown, sluice: unknown, module: string | URL): Promise<string>;
export = program;
