import type { SentenceLanguage } from './grammar.js';

/** One entry in the five languages, as it stands inside a sentence. */
export type Entry = Record<SentenceLanguage, string>;

const entry = ([en, pt, de, fr, es]: string[]): Entry => ({ en, pt, de, fr, es });
const entries = (rows: string[][]): Entry[] => rows.map(entry);

/** People as subjects, third person singular; nothing in a template agrees with their gender. */
export const persons: Entry[] = entries([
  ['my sister', 'minha irmã', 'meine Schwester', 'ma sœur', 'mi hermana'],
  ['my brother', 'meu irmão', 'mein Bruder', 'mon frère', 'mi hermano'],
  ['my mother', 'minha mãe', 'meine Mutter', 'ma mère', 'mi madre'],
  ['my father', 'meu pai', 'mein Vater', 'mon père', 'mi padre'],
  ['my daughter', 'minha filha', 'meine Tochter', 'ma fille', 'mi hija'],
  ['my son', 'meu filho', 'mein Sohn', 'mon fils', 'mi hijo'],
  ['my grandmother', 'minha avó', 'meine Großmutter', 'ma grand-mère', 'mi abuela'],
  ['my uncle', 'meu tio', 'mein Onkel', 'mon oncle', 'mi tío'],
  ['our teacher', 'nosso professor', 'unser Lehrer', 'notre professeur', 'nuestro profesor'],
  ['the doctor', 'o médico', 'der Arzt', 'le médecin', 'el médico'],
  ['the director', 'o diretor', 'der Direktor', 'le directeur', 'el director'],
  ['the woman', 'a mulher', 'die Frau', 'la femme', 'la mujer'],
]);

/** The same and the two pronouns, for sentences that begin with them. */
export const subjects: Entry[] = [
  ...persons,
  ...entries([
    ['she', 'ela', 'sie', 'elle', 'ella'],
    ['he', 'ele', 'er', 'il', 'él'],
  ]),
];

export const events: Entry[] = entries([
  ['the meeting', 'a reunião', 'die Besprechung', 'la réunion', 'la reunión'],
  ['the concert', 'o concerto', 'das Konzert', 'le concert', 'el concierto'],
  ['the exam', 'o exame', 'die Prüfung', 'l’examen', 'el examen'],
  ['the course', 'o curso', 'der Kurs', 'le cours', 'el curso'],
  ['the party', 'a festa', 'die Party', 'la fête', 'la fiesta'],
  ['the conference', 'a conferência', 'die Konferenz', 'la conférence', 'la conferencia'],
  ['the visit', 'a visita', 'der Besuch', 'la visite', 'la visita'],
  ['the game', 'o jogo', 'das Spiel', 'le match', 'el partido'],
  ['the exhibition', 'a exposição', 'die Ausstellung', 'l’exposition', 'la exposición'],
  ['the trip', 'a viagem', 'die Reise', 'le voyage', 'el viaje'],
]);

/** Things with a price and a weight; German has its accusative beside the nominative. */
export const things: (Entry & { accusative: string })[] = [
  ['the book', 'o livro', 'das Buch', 'le livre', 'el libro', 'das Buch'],
  ['the table', 'a mesa', 'der Tisch', 'la table', 'la mesa', 'den Tisch'],
  ['the chair', 'a cadeira', 'der Stuhl', 'la chaise', 'la silla', 'den Stuhl'],
  ['the bicycle', 'a bicicleta', 'das Fahrrad', 'le vélo', 'la bicicleta', 'das Fahrrad'],
  ['the guitar', 'a guitarra', 'die Gitarre', 'la guitare', 'la guitarra', 'die Gitarre'],
  ['the piano', 'o piano', 'das Klavier', 'le piano', 'el piano', 'das Klavier'],
  ['the violin', 'o violino', 'die Geige', 'le violon', 'el violín', 'die Geige'],
  ['the umbrella', 'o guarda-chuva', 'der Regenschirm', 'le parapluie', 'el paraguas', 'den Regenschirm'],
  ['the hat', 'o chapéu', 'der Hut', 'le chapeau', 'el sombrero', 'den Hut'],
  ['the dictionary', 'o dicionário', 'das Wörterbuch', 'le dictionnaire', 'el diccionario', 'das Wörterbuch'],
  ['the watch', 'o relógio', 'die Uhr', 'la montre', 'el reloj', 'die Uhr'],
  ['the shirt', 'a camisa', 'das Hemd', 'la chemise', 'la camisa', 'das Hemd'],
].map((row) => ({ ...entry(row), accusative: row[5] }));
