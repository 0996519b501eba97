import { boto3Script } from './boto3-script.ts'

boto3Script('key_life.py', {
  rotation: 'rotation is switched on, asked for and refused in the states that AWS documents',
  deletion: 'a deletion is scheduled and cancelled, and what the key sealed opens again',
  imported_material: 'material from Python is imported, deleted, told from other material, and brought back',
  imported_keys: 'key pairs and MAC keys that Python has made work here as they do there',
  multi_region: 'a set of two Regions shares what it seals, moves its primary key, and keeps the rest apart',
  answers_fit_the_model: "every answer has members and enums of boto3's own model",
})
