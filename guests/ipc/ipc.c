/* System V shared memory, semaphores and message queues, between processes and when misused. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define T(e) do { errno = 0; long r = (long)(e); printf("%s: %ld%s%s\n", #e, r, r == -1 ? " " : "", r == -1 ? strerror(errno) : ""); } while (0)
union semun { int val; struct semid_ds *buf; unsigned short *array; };
struct m { long t; char b[100]; };
static void h(int n) { (void)n; }

int main(void) {
  setvbuf(stdout, 0, _IONBF, 0);
  printf("%zu %zu %zu %zu\n",sizeof(struct shmid_ds),sizeof(struct semid_ds),sizeof(struct msqid_ds),sizeof(struct ipc_perm));
  int id=shmget(IPC_PRIVATE,5000,IPC_CREAT|0600);
  printf("%d\n",id>=0); char*p=shmat(id,0,0); char*q=shmat(id,0,SHM_RDONLY); strcpy(p,"shared");
  printf("%s %d\n",q,p!=q);
  struct shmid_ds d;
  T(shmctl(id,IPC_STAT,&d));
  printf("%ld %ld %d %o\n",d.shm_segsz,d.shm_nattch,d.shm_cpid==getpid(),d.shm_perm.mode);
  if(!fork()){p[0]='S';shmctl(id,IPC_STAT,&d);printf("%ld\n",d.shm_nattch);_exit(0);} wait(0);
  printf("%s\n",q);
  T(shmdt(q));
  T(shmdt(q));
  T(shmdt(p+1));
  T(shmctl(id,IPC_RMID,0));
  printf("%s\n",p);
  T(shmdt(p));
  T(shmctl(id,IPC_STAT,&d));
  T(shmget(0x7777,0,IPC_CREAT|0600));
  T(shmget(0x7778,100,0));
  int k=shmget(0x7779,100,IPC_CREAT|IPC_EXCL|0600);
  T(shmget(0x7779,100,IPC_CREAT|IPC_EXCL|0600));
  T(shmget(0x7779,5000,0));
  T(shmget(0x7779,50,0)==k);
  T(shmctl(k,99,0));
  T((long)shmat(k,(void*)1,0)); p=shmat(k,0,0); strcpy(p,"keep"); shmdt(p); p=shmat(k,0,0); puts(p); shmctl(k,IPC_RMID,0);
  int s=semget(IPC_PRIVATE,3,0600); union semun u; u.val=2;
  T(semctl(s,0,SETVAL,u));
  T(semctl(s,0,GETVAL));
  T(semctl(s,5,GETVAL)); u.val=40000;
  T(semctl(s,0,SETVAL,u));
  struct sembuf o[2]={{0,-1,0},{1,1,0}};
  T(semop(s,o,2));
  T(semctl(s,0,GETVAL));
  T(semctl(s,1,GETVAL)); o[0].sem_op=-5;o[0].sem_flg=IPC_NOWAIT;
  T(semop(s,o,1)); o[0].sem_num=9;
  T(semop(s,o,1));
  T(semop(s,o,0)); o[0]=(struct sembuf){2,-1,0};
  struct timespec ts={0,5000000};
  T(semtimedop(s,o,1,&ts));
  int c=fork();
  if(!c){ struct sembuf x={2,-1,0}; long r=semop(s,&x,1); _exit(r==0?7:8);} while(semctl(s,2,GETNCNT)==0)usleep(1000);
  T(semctl(s,2,GETNCNT)); o[0]=(struct sembuf){2,1,0};
  T(semop(s,o,1));
  int st; wait(&st);
  printf("%d\n",WEXITSTATUS(st));
  T(semctl(s,2,GETPID)==c);
  if(!fork()){struct sembuf x={2,5,SEM_UNDO}; semop(s,&x,1);
  T(semctl(s,2,GETVAL)); _exit(0);} wait(0);
  T(semctl(s,2,GETVAL)); unsigned short v[3]={7,8,9}; u.array=v;
  T(semctl(s,0,SETALL,u)); v[1]=0;
  T(semctl(s,0,GETALL,u));
  printf("%d\n",v[1]); c=fork();
  if(!c){struct sembuf x={2,0,0};
  T(semop(s,&x,1)); _exit(0);} while(semctl(s,2,GETZCNT)==0)usleep(1000);
  T(semctl(s,0,IPC_RMID)); wait(0);
  T(semop(s,o,1));
  int mq=msgget(IPC_PRIVATE,0600);
  struct m a={1,"one"};
  T(msgsnd(mq,&a,4,0)); a.t=3; strcpy(a.b,"three");
  T(msgsnd(mq,&a,6,0)); a.t=2; strcpy(a.b,"two");
  T(msgsnd(mq,&a,4,0)); a.t=0;
  T(msgsnd(mq,&a,4,0));
  T(msgsnd(mq,&a,9000,0));
  struct msqid_ds md;
  T(msgctl(mq,IPC_STAT,&md));
  printf("%ld %ld %ld\n",md.msg_qnum,(long)md.__msg_cbytes,md.msg_qbytes);
  struct m b;
  T(msgrcv(mq,&b,100,3,0));
  printf("%ld %s\n",b.t,b.b);
  T(msgrcv(mq,&b,2,0,0));
  T(msgrcv(mq,&b,2,0,MSG_NOERROR));
  T(msgrcv(mq,&b,100,-5,0));
  printf("%ld %s\n",b.t,b.b);
  T(msgrcv(mq,&b,100,0,IPC_NOWAIT));
  if(!fork()){T(msgrcv(mq,&b,100,5,0));
  printf("%s\n",b.b);_exit(0);} usleep(5000); a.t=5; strcpy(a.b,"five");
  T(msgsnd(mq,&a,5,0)); wait(0);
  struct sigaction sa={.sa_handler=h,.sa_flags=SA_RESTART}; sigaction(SIGALRM,&sa,0); ualarm(10000,0);
  T(msgrcv(mq,&b,100,0,0));
  if(!fork()){T(msgrcv(mq,&b,100,0,0));_exit(0);} usleep(20000);
  T(msgctl(mq,IPC_RMID,0)); wait(0);
  T(msgsnd(mq,&a,5,0));
  return 0;
}
