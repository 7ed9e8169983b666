// What there is to know of a job and of an applicant, and what an answer about one has to stand up to.
import { z } from "zod";

/** A job, as job.json describes it. */
const jobSchema = z.strictObject({
  title: z.string().min(1),
  /** The years of work that count; more of them count no more. */
  years: z.number().positive(),
  skills: z.array(z.string().min(1)).min(1),
});
export type Job = z.infer<typeof jobSchema>;

/** @throws Error that says what is wrong with it. */
export function jobOf(text: string): Job {
  const { data, error } = jobSchema.safeParse(JSON.parse(text));
  if (data !== undefined) return data;
  throw new Error(problemsOf(error));
}

const skill = z.object({ skill: z.string(), quote: z.string().min(1) });
const factsSchema = z.object({
  name: z.string().min(1),
  years: z.number().min(0).max(70),
  skills: z.array(skill),
});

/** What a résumé says. */
export type Facts = z.infer<typeof factsSchema>;

const squeezed = (text: string) => text.replaceAll(/\s+/g, " ").toLowerCase();

/**
 * Reads an answer about a résumé. A skill counts only with a quote that is in the résumé, word for word: what a
 * model has made up is refused like any other answer that makes no sense.
 *
 * @throws Error that says what is wrong with it.
 */
export function factsOf(answer: string, resume: string, { skills }: Job): Facts {
  const text = squeezed(resume);
  const schema = factsSchema.superRefine((facts, context) => {
    for (const [at, { skill, quote }] of facts.skills.entries()) {
      const refuse = (message: string) => context.addIssue({ code: "custom", path: ["skills", at], message });
      if (!skills.includes(skill)) refuse(`"${skill}" is none of the skills that were asked for`);
      if (!text.includes(squeezed(quote))) refuse(`"${quote}" is not in the résumé`);
    }
  });
  const { data, error } = schema.safeParse(JSON.parse(answer));
  if (data !== undefined) return data;
  throw new Error(problemsOf(error));
}

const problemsOf = ({ issues }: z.ZodError) =>
  issues.map(({ path, message }) => `${path.join(".") || "the object"}: ${message}`).join("; ");

/** An applicant in the ranking. */
export interface Ranked {
  readonly name: string;
  readonly file: string;
  /** Out of 100. */
  readonly score: number;
  readonly years: number;
  readonly skills: readonly string[];
}

/** How far an applicant fits: skills are worth 70 points, years 30. Change it, and no model has to be asked again. */
export function rank(file: string, { name, years, skills: found }: Facts, job: Job): Ranked {
  const skills = job.skills.filter((each) => found.some(({ skill }) => skill === each));
  const score = 70 * (skills.length / job.skills.length) + 30 * Math.min(1, years / job.years);
  return { name, file, score: Math.round(score), years, skills };
}
